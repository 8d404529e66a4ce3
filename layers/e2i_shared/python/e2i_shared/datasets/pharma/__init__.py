"""The world behind the sample data: who prescribes, who is visited, and what each lever truly does."""
