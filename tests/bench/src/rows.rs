//! All rounds of all rows: which login is measured beside which, and to which row its numbers belong.
//!
//! Each variant is measured beside the validator that does nothing, and, where it has a session or its provider is asked,
//! beside the same login without. It never judges a number.

use crate::instead::Measured;
use crate::measure::{Subject, round};
use crate::report::{Spread, VariantRow, median};
use crate::servers::{BenchIssuers, Servers};
use crate::variant::{BASE, ProviderUse, Variant};
use std::io::Result;

/// All rounds of all variants, and of the server's own ways to log in.
pub struct Rows {
    noop: [VariantRow; 2],
    ours: Vec<VariantRow>,
    others: [VariantRow; 2],
    /// For each row with a session, or whose provider is asked, round by round: its median over that of the same without.
    beside: Vec<(Variant, Vec<f64>)>,
    instead: Vec<VariantRow>,
}

impl Rows {
    /// Without a round.
    pub fn of(variants: &[Variant]) -> Self {
        let row = |name: &str| VariantRow { name: name.to_owned(), rounds: Vec::new(), noop: Vec::new() };
        Self {
            noop: [row("no-op"), row("no-op, preloaded")],
            ours: variants.iter().map(|variant| row(&variant.name())).collect(),
            others: [row("trust"), row("scram-sha-256")],
            beside: variants.iter().filter(|it| it.beside() != **it).map(|it| (*it, Vec::new())).collect(),
            instead: Vec::new(),
        }
    }

    /// A round of all variants, at servers that do without TLS, and of the server's own ways.
    ///
    /// # Errors
    /// When a login fails.
    pub fn add_round(
        &mut self,
        servers: &[Servers; 2],
        variants: &[Variant],
        providers: &BenchIssuers,
        logins: usize,
    ) -> Result<()> {
        let mut seen = [false; 2];
        for (variant, row) in variants.iter().zip(&mut self.ours) {
            let pair = servers_of(servers, variant);
            let other = variant.beside();
            let [floor, ours] = pair.clients(variant, providers)?;
            let mut subjects = vec![Subject::new(floor, &pair.noop), Subject::new(ours, &pair.ours)];
            if other != *variant {
                let [_, without] = pair.tried_clients(&other)?;
                subjects.push(Subject::new(without, &pair.ours));
            }
            let mut samples = round(&subjects, variant.logins(logins))?.into_iter();
            let (Some(floor), Some(ours)) = (samples.next(), samples.next()) else { continue };
            if let (Some(without), Some((_, ratios))) =
                (samples.next(), self.beside.iter_mut().find(|(of, _)| of == variant))
            {
                ratios.push(median(&ours) / median(&without));
            }
            let preloaded = usize::from(variant.preloaded);
            if !std::mem::replace(&mut seen[preloaded], true) {
                self.noop[preloaded].rounds.push(floor.clone());
                self.noop[preloaded].noop.push(floor.clone());
            }
            row.rounds.push(ours);
            row.noop.push(floor);
        }
        let plain = servers[0].clients_without_a_token();
        let subjects: Vec<_> = plain.into_iter().map(|(_, client)| Subject::new(client, &servers[0].noop)).collect();
        for (row, sample) in self.others.iter_mut().zip(round(&subjects, logins)?) {
            row.rounds.push(sample);
            row.noop.extend(self.noop[0].rounds.last().cloned());
        }
        Ok(())
    }

    /// A round of what people use instead.
    pub fn add(&mut self, measured: impl IntoIterator<Item = Measured>) {
        for Measured { name, own, noop } in measured {
            let place = self.instead.iter().position(|row| row.name == name).unwrap_or(self.instead.len());
            if place == self.instead.len() {
                self.instead.push(VariantRow { name: name.to_owned(), rounds: Vec::new(), noop: Vec::new() });
            }
            self.instead[place].rounds.push(own);
            self.instead[place].noop.push(noop);
        }
    }

    /// The ratios to the same login without a session, or with a signed token where the provider is `asked`.
    pub fn spreads(&self, asked: bool) -> Vec<(String, Spread)> {
        let rows = self.beside.iter().filter(|(variant, _)| (variant.asked != ProviderUse::No) == asked);
        rows.map(|(variant, ratios)| (variant.name(), Spread::of(ratios.iter().copied()))).collect()
    }

    /// Those that were measured.
    pub fn finished(self) -> Vec<VariantRow> {
        let rows = self.noop.into_iter().chain(self.ours).chain(self.others).chain(self.instead);
        rows.filter(|row| !row.noop.is_empty()).collect()
    }
}

/// The servers for a variant, of those that do not preload their validator and those that do.
pub fn servers_of<'a>(servers: &'a [Servers; 2], variant: &Variant) -> &'a Servers {
    &servers[usize::from(variant.preloaded)]
}

/// From the rows with 1,000 profiles and with 1, round by round, in microseconds.
pub fn further_profile(rows: &[VariantRow]) -> Option<Spread> {
    let rounds = |profiles| {
        let name = Variant { profiles, ..BASE }.name();
        Some(rows.iter().find(|row| row.name == name)?.rounds.iter().map(median))
    };
    Some(Spread::of(rounds(1000)?.zip(rounds(1)?).map(|(many, one)| (many - one) * 1e3 / 999.0)))
}
