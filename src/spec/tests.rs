//! Whole files through the whole of this area.

mod accepted;
mod bad_input;
mod droplets;
mod hostile;
mod without;
