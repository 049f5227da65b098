"""Long runs under load and faults, with the full counts that the tests scale down."""
