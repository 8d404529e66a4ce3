"""Digital twins: learned from a data set, simulated with an interval that holds, checked against what really happened."""
