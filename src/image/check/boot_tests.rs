use super::*;

#[test]
fn arguments_of_qemu() {
    insta::assert_snapshot!("qemu_bios", arguments(Firmware::Bios).join(" "));
    insta::assert_snapshot!("qemu_uefi", arguments(Firmware::Uefi).join(" "));
}

#[test]
fn the_console_says_how_far_it_is() {
    assert!(matches!(
        look("Debian GNU/Linux 13 host ttyS0\r\n\r\nhost login: "),
        Look::Ready(())
    ));
    assert!(matches!(look("Loading Linux ...\r\n[    1.0] x\r\n"), Look::Pending(last) if last == "[    1.0] x"));
    assert!(matches!(look(""), Look::Pending(last) if last == "nothing"));
    for text in HOPELESS {
        assert!(
            matches!(look(&format!("\u{1b}[2J{text} x")), Look::Gone(why) if why.contains(text)),
            "{text}"
        );
    }
}

#[test]
fn a_console_is_shown_without_its_escapes() {
    assert_eq!(
        tail("\u{1b}[2J\u{1b}[01;01H\u{1b}cBooting\r\n\n\u{1b}[0;32mok\u{1b}[0m \u{7}\r\n"),
        "Booting\nok"
    );
    let many: String = (0..40).map(|number| format!("{number}\n")).collect();
    assert_eq!(tail(&many).lines().count(), TAIL_LINES);
    let error = WaitError::Gone {
        what: "the login prompt".to_owned(),
        why: "the console says \"grub>\"".to_owned(),
    };
    let finding = no_login(Firmware::Uefi, &error, "grub>");
    assert_eq!(finding.code, Code::NoLogin);
    assert_eq!(
        finding.message,
        "booted by UEFI: the login prompt: the console says \"grub>\"\nthe last lines of the serial console:\ngrub>"
    );
}
