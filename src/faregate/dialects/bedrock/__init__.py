"""Amazon Bedrock's Converse, and the wrapping of InvokeModel's streams."""
