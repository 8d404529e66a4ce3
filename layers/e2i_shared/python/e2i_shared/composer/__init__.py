"""From a question to a cited answer: decompose, plan, execute, synthesize."""
