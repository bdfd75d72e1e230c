//! What every runtime promises, each as a function that says whether it is kept.
