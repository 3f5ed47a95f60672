//! `--stock`: which base image hosts boot from.

use clap::ValueEnum;

use crate::image::Flavor;

/// How a stock image brings its NICs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stock {
    /// netplan with systemd-networkd, as Debian's own cloud images
    Netplan,
    /// ifupdown, as Debian's installer and some providers
    Ifupdown,
}

/// What is in the image for the option's value; without the option, all that the mesh needs.
pub fn flavor(stock: Option<Stock>) -> Flavor {
    match stock {
        None => Flavor::Full,
        Some(Stock::Netplan) => Flavor::Stock,
        Some(Stock::Ifupdown) => Flavor::StockIfupdown,
    }
}
