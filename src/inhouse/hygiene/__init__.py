"""What is removed before anything is learnt, and why: secrets, copies, and what nobody wrote by hand."""
