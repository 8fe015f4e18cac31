//! What a person is told who has to confirm a code: the address, the code, and on a terminal a QR code of both.
//!
//! On standard error: standard output is for the token. The texts are the provider's, so nothing of them reaches the terminal
//! as it is.

use crate::output::{complain, visible};
use oauth2::StandardDeviceAuthorizationResponse;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use std::io::{IsTerminal, stderr};

/// Longer addresses give a picture that no terminal has room for.
const MAX_QR_BYTES: usize = 300;

/// Says where to go, and with which code.
pub(super) fn show(device: &StandardDeviceAuthorizationResponse, with_qr: bool) {
    let page = visible(device.verification_uri().as_str(), false);
    let code = visible(device.user_code().secret(), false);
    let complete = device.verification_uri_complete().map(|uri| uri.secret().as_str());
    if with_qr
        && stderr().is_terminal()
        && crate::output::utf8_locale()
        && let Some(picture) = complete.and_then(picture)
    {
        complain(&picture);
    }
    complain(&format!("Visit {page} and enter the code: {code}"));
    if let Some(complete) = complete {
        complain(&format!("or open {}", visible(complete, false)));
    }
}

/// Dark on light, whatever the terminal's own colours are.
fn picture(text: &str) -> Option<String> {
    if text.len() > MAX_QR_BYTES {
        return None;
    }
    let code = QrCode::new(text).ok()?;
    let modules = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(modules)
}

#[cfg(test)]
mod tests {
    use super::picture;

    #[test]
    fn a_picture_fits_a_terminal() {
        let picture = picture("https://idp.example/device?user_code=ABCD-EFGH").expect("a picture");
        let lines: Vec<&str> = picture.lines().collect();
        assert!(lines.len() > 10 && lines.len() < 25, "{}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() < 50), "{picture}");
        assert_eq!(super::picture(&"x".repeat(301)), None);
    }
}
