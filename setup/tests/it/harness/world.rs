//! A simulated WhatsApp over HTTP, and a directory for the file.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use whatsapp_otp::http::{ConnectionBounds, Handle, Listener};
use whatsapp_otp_simulator::{DEFAULT_ACCESS_TOKEN, Simulator, SimulatorSettings, Switches, TemplateReview};

use super::{Program, Terminal};

pub const TOKEN: &str = DEFAULT_ACCESS_TOKEN;
pub const WABA_ID: &str = "100000000000001";

pub struct World {
    pub simulator: Simulator,
    address: SocketAddr,
    directory: TempDir,
    pub runtime: Runtime,
}

impl World {
    pub fn new() -> Self {
        Self::of(SimulatorSettings::default())
    }

    /// A world with the account of these settings.
    pub fn of(settings: SimulatorSettings) -> Self {
        Self::behind(settings, |router| router)
    }

    /// A world with the account of these settings, whose answers `change` changes on their way.
    pub fn behind(settings: SimulatorSettings, change: impl FnOnce(Router) -> Router) -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = Simulator::new(settings);
        let listener =
            runtime.block_on(Listener::bind("127.0.0.1:0".parse().unwrap(), None, ConnectionBounds::local())).unwrap();
        let address = listener.address();
        runtime.spawn(listener.serve(change(simulator.router()), Handle::default()));
        Self { simulator, address, directory: tempfile::tempdir().unwrap(), runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file that the program is told to write.
    pub fn info_path(&self) -> PathBuf {
        self.directory.path().join("whatsapp-info.json")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The file's content.
    pub fn info(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.info_path()).expect("the file is written")).unwrap()
    }

    /// Sets the outcome of reviews.
    pub fn review(&self, template_review: TemplateReview) {
        self.simulator.set_switches(Switches { template_review, ..self.simulator.switches() });
    }

    /// The names of all files in the directory.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The program with the addresses of everything, and no answers.
    pub fn program(&self, arguments: &[&str]) -> Program {
        Program::new(arguments)
            .directory(self.directory.path())
            .env("WHATSAPP_OTP_SETUP_BASE_URL", &self.url())
            .env("WHATSAPP_OTP_SETUP_INFO_FILE", self.info_path().to_str().unwrap())
    }

    /// The program at a terminal.
    pub fn terminal(&self, arguments: &[&str]) -> Terminal {
        self.program(arguments).at_a_terminal()
    }

    /// Runs it successfully, so that the file exists.
    pub fn set_up(&self) {
        let ended = self.program(&["--yes", "--waba-id", WABA_ID]).token(TOKEN).run();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }

    /// The number of requests to create or change a template.
    pub fn makings(&self) -> usize {
        let is_making = |path: &str| path.contains("message_templates") || path.matches('/').count() == 2;
        self.simulator.requests().iter().filter(|request| request.method == "POST" && is_making(&request.path)).count()
    }
}
