"""What minds are asked and answer, told to the call's model log."""
