"""The description as CloudFormation."""
