//! What leaves the house: mail and HTTP to others.
