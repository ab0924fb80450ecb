//! Later sources override earlier ones, and unknown keys are refused.

use proptest::prelude::*;

use super::*;
use crate::config::Origin;

fn origin_of<'a>(settings: &'a Settings, key: &str) -> &'a Origin {
    let setting = settings.shown().iter().find(|setting| setting.key == key);
    &setting.unwrap().origin
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let (_directory, mut sources) = from_file("[otp]\ncode_length = 7\ncode_lifetime = \"2m\"");
    sources.environment.insert("WHATSAPP_OTP__OTP__CODE_LENGTH".to_owned(), "8".to_owned());
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.policy.code_length.digits(), 8);
    assert_eq!(settings.policy.code_lifetime.as_secs(), 120);
    assert_eq!(settings.policy.max_attempts, 3);
    assert_eq!(
        origin_of(&settings, "otp.code_length").to_string(),
        "environment variable WHATSAPP_OTP__OTP__CODE_LENGTH"
    );
    assert_eq!(*origin_of(&settings, "otp.code_lifetime"), Origin::File(sources.file.unwrap()));
    assert_eq!(*origin_of(&settings, "otp.max_verification_attempts"), Origin::Default);
}

#[test]
fn an_empty_variable_is_a_value() {
    let (_directory, mut sources) = from_file("[server]\nops_listen = \"127.0.0.1:1\"");
    sources.environment.insert("WHATSAPP_OTP__SERVER__OPS_LISTEN".to_owned(), String::new());
    assert_eq!(Settings::load(&sources).unwrap().server.ops_listen, None);
}

#[test]
fn the_file_is_that_of_the_flag_else_that_of_the_variable() {
    let environment = |value: &str| HashMap::from([("WHATSAPP_OTP_CONFIG".to_owned(), value.to_owned())]);
    let file = |flag: Option<&str>, value| Sources::new(flag.map(PathBuf::from), environment(value)).file;
    assert_eq!(file(Some("flag.toml"), "variable.toml"), Some("flag.toml".into()));
    assert_eq!(file(None, "variable.toml"), Some("variable.toml".into()));
    assert_eq!(file(None, ""), None);
}

#[test]
fn the_process_brings_its_environment() {
    let path = Sources::from_process(None).environment.remove("PATH");
    assert_eq!(path.map(Into::into), std::env::var_os("PATH"));
    let flag = Some(PathBuf::from("flag.toml"));
    assert_eq!(Sources::from_process(flag.clone()).file, flag);
}

#[test]
fn printing_sources_shows_no_values() {
    let printed = format!("{:?}", complete(&[]));
    assert!(!printed.contains(SECRET) && !printed.contains(TOKEN), "{printed}");
}

#[test]
fn unknown_keys_of_a_file_are_faults() {
    let (_directory, sources) = from_file(
        "code_length = 7\notp.code_lenght = 7\nopt = \"x\"\nredis.tls.verify = true\n[otp.linger]\nlong = true\n[extra]",
    );
    let error = Settings::load(&sources).unwrap_err();
    let printed: Vec<_> = error.faults().iter().map(|fault| format!("{}: {}", fault.key, fault.expected)).collect();
    assert_eq!(
        printed,
        [
            "code_length: a known key, perhaps otp.code_length",
            "extra: a known key; `whatsapp-otp config default` lists them",
            "opt: a known key; `whatsapp-otp config default` lists them",
            "otp.code_lenght: a known key, perhaps otp.code_length",
            "otp.linger.long: a known key; `whatsapp-otp config default` lists them",
            "redis.tls.verify: a known key; `whatsapp-otp config default` lists them",
        ]
    );
    let origin = Origin::File(sources.file.unwrap());
    assert!(error.faults().iter().all(|fault| fault.origin == origin));
}

#[test]
fn empty_sections_and_other_programs_variables_are_no_faults() {
    let (_directory, mut sources) = from_file("[otp]\n[limits]\n");
    for name in ["PATH", "OTP__SECRET", "WHATSAPP_OTP_SERVICE_HOST", "WHATSAPP_OTPX__OTP__A", ""] {
        sources.environment.insert(name.to_owned(), "x".to_owned());
    }
    assert!(Settings::load(&sources).is_ok());
}

#[test]
fn misspelled_variables_are_faults_that_name_the_right_one() {
    for (name, meant) in [
        ("WHATSAPP_OTP__OTP__CODE_LENGHT", Some("WHATSAPP_OTP__OTP__CODE_LENGTH")),
        ("WHATSAPP_OTP_OTP_CODE_LENGTH", Some("WHATSAPP_OTP__OTP__CODE_LENGTH")),
        ("WHATSAPP_OTP__OTP_CODE_LENGTH", Some("WHATSAPP_OTP__OTP__CODE_LENGTH")),
        ("whatsapp_otp__otp__code_length", Some("WHATSAPP_OTP__OTP__CODE_LENGTH")),
        ("WHATSAPP_OTP__REDIS__DATABASE", None),
        ("WHATSAPP_OTP__OTP", None),
        ("WHATSAPP_OTP__", None),
    ] {
        let mut sources = Sources::default();
        sources.environment.insert(name.to_owned(), "7".to_owned());
        let fault = only_fault(Settings::load(&sources));
        assert_eq!((fault.key.as_str(), fault.given), (name, None), "the value may be a secret");
        assert_eq!(fault.origin, Origin::Variable(name.to_owned()));
        match meant {
            Some(meant) => assert!(fault.expected.ends_with(meant), "{name}: {}", fault.expected),
            None => assert!(!fault.expected.contains("perhaps"), "{name}: {}", fault.expected),
        }
    }
}

#[test]
fn a_file_that_is_missing_or_not_text_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    for path in [directory.path().join("missing.toml"), directory.path().to_owned(), binary] {
        let sources = Sources { file: Some(path.clone()), ..Sources::default() };
        let fault = only_fault(Settings::load(&sources));
        assert_eq!(fault.origin, Origin::File(path));
        assert!(fault.expected.starts_with("a text file"), "{fault}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_a_fault_with_its_line_but_not_its_text() {
    let (_directory, sources) = from_file("[otp]\ncode_length = 6\nsecret = \"hunter22\nlinger = \"1m\"\n");
    let fault = only_fault(Settings::load(&sources));
    assert!(fault.expected.contains("line 3"), "{fault}");
    assert!(!format!("{fault}{fault:?}").contains("hunter22"), "{fault}");

    let (_directory, sources) = from_file("[otp]\ncode_length = 99999999999999999999\n");
    assert!(only_fault(Settings::load(&sources)).expected.contains("64 bits"));
}

#[test]
fn a_file_gives_single_values_as_texts_or_numbers() {
    let (_directory, sources) = from_file("[otp]\ncode_length = \"7\"\n[redis]\npool_size = 2\n");
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.policy.code_length.digits(), settings.redis.pool_size), (7, 2));

    for (text, expected) in [
        ("[otp]\ncode_length = [6]", "one value, not a list"),
        ("[otp]\ncode_length = {}", "a value or a list of values"),
        ("[otp]\ncode_length = [[6]]", "a value or a list of values"),
        ("[otp]\ncode_length = 6.5", "a whole number from 4 to 10"),
        ("[otp]\ncode_length = true", "a whole number from 4 to 10"),
    ] {
        let (_directory, sources) = from_file(text);
        let error = Settings::load(&sources).unwrap_err();
        assert!(error.faults().iter().any(|fault| fault.expected == expected), "{error}");
        assert_eq!(fault_keys(&error), ["otp.code_length"], "{text}");
    }
}

#[test]
fn a_value_that_was_not_utf_8_is_a_fault() {
    let fault = only_fault(serve(&[("otp.secret", &format!("{SECRET}\u{fffd}"))]));
    assert_eq!((fault.key.as_str(), fault.expected.as_str()), ("otp.secret", "text in UTF-8"));
}

proptest! {
    #[test]
    fn no_environment_makes_loading_panic(
        pairs in prop::collection::vec((0..keys::all().count(), ".{0,40}|[0-9]{1,25}[a-z/,]{0,3}"), 0..6),
        stray in "(WHATSAPP_OTP_{0,3}[A-Z_.]{0,20})?",
    ) {
        let names: Vec<_> = keys::all().collect();
        let pairs: Vec<_> = pairs.iter().map(|(index, value)| (names[*index].as_str(), value.as_str())).collect();
        let mut sources = complete(&pairs);
        sources.environment.insert(stray, String::new());
        for printed in [
            ServeSettings::load(&sources).map_err(|error| error.to_string()).err(),
            SandboxSettings::load(&sources).map_err(|error| error.to_string()).err(),
            Settings::load(&sources).map_err(|error| error.to_string()).err(),
        ].into_iter().flatten() {
            prop_assert!(!printed.is_empty(), "a failure says why");
        }
    }

    #[test]
    fn no_file_makes_loading_panic(text in "(\\[[a-z]{1,9}\\]\n)?([a-z_.]{1,12} = [\\[\\]{}\"0-9a-z., ]{0,12}\n){0,3}.{0,20}") {
        let (_directory, sources) = from_file(&text);
        if let Err(error) = Settings::load(&sources) {
            prop_assert!(!error.faults().is_empty());
        }
    }
}
