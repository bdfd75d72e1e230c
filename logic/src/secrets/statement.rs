//! Statements of this site to itself: what one of its logic environments says, and another believes.
//! Whoever has only the store, or listens on the network, cannot make one.

use jiff::Timestamp;
use utakata_seal::Signed;

use super::Secrets;

impl Secrets {
    /// Signs a statement, which is a JSON object, for one purpose. `None` if the key is not here.
    pub fn state(&self, purpose: &str, statement: Vec<u8>, now: Timestamp) -> Option<Vec<u8>> {
        let signer = self.site_signer(&self.signing_key(now)).ok()?;
        Some(signer.key().sign(purpose, statement))
    }

    /// Returns a statement, if a logic environment of this site has made it for this purpose.
    pub fn stated(&self, purpose: &str, signed: &[u8]) -> Option<Vec<u8>> {
        let signed = Signed::find(signed)?;
        let present = self.site_signer(&self.seal.read().key).ok()?;
        let is_ours = present.knows(signed.signer) && signed.is_right(purpose);
        is_ours.then(|| signed.message())
    }
}
