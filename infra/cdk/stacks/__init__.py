"""The stacks: network, data, service, workflows, monitoring."""
