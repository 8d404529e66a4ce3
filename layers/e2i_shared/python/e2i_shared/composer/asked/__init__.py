"""The phases with a language model: same schemas, same validator, and the rules whenever it has nothing valid to say."""
