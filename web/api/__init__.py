"""What the API takes and gives: operations declared once, requests checked by them, responses as values."""
