//! Containers that replace a `redis-server` on `PATH`.

use std::sync::LazyLock;

use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage};
use tokio::runtime::Runtime;

/// Their image.
const IMAGE: (&str, &str) = ("redis", "7-bookworm");

/// A container. It is removed when dropped.
pub struct Container(Option<Box<ContainerAsync<GenericImage>>>);

/// The files and arguments for a container of Redis.
pub fn redis() -> GenericImage {
    GenericImage::new(IMAGE.0, IMAGE.1)
}

impl Container {
    pub fn start(request: impl Into<ContainerRequest<GenericImage>> + Send) -> Self {
        let container = on_docker(async { request.into().start().await });
        let container =
            container.expect("no redis-server on PATH and no container either: scripts/test finds or installs one");
        Self(Some(Box::new(container)))
    }

    /// Returns the address on the host at which the port is published.
    pub fn address(&self, port: u16) -> String {
        on_docker(async {
            let container = self.container();
            let port = container.get_host_port_ipv4(port.tcp()).await.expect("published port");
            match container.get_host().await.expect("Docker's host").to_string().as_str() {
                "localhost" => format!("127.0.0.1:{port}"), // ::1 may have another port
                host => format!("{host}:{port}"),
            }
        })
    }

    pub fn pause(&self, pause: bool) {
        let container = self.container();
        on_docker(async { if pause { container.pause().await } else { container.unpause().await } }).expect("pause");
    }

    /// Kills what runs in it.
    pub fn kill(&self) {
        let _ = on_docker(self.container().stop_with_timeout(Some(0)));
    }

    /// Starts it again with the same files.
    pub fn start_again(&self) {
        on_docker(self.container().start()).expect("the container starts again");
    }

    pub fn is_running(&self) -> bool {
        on_docker(self.container().is_running()).expect("Docker says")
    }

    fn container(&self) -> &ContainerAsync<GenericImage> {
        self.0.as_ref().expect("not dropped")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(container) = self.0.take() {
            let _ = on_docker(container.rm());
        }
    }
}

/// Runs a call to Docker to completion. All containers share one client, whose connections live on the runtime of its
/// first call. That cannot be a test's runtime, which ends with the test.
fn on_docker<T: Send>(call: impl Future<Output = T> + Send) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("runtime"));
    std::thread::scope(|scope| scope.spawn(|| RUNTIME.block_on(call)).join()).expect("Docker")
}
