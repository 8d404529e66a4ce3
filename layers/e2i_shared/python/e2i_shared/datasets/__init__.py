"""Users' data: loading, the catalogue, reading columns, and the sample with known truth."""
