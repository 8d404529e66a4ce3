"""One folder per Lambda function; handlers only."""
