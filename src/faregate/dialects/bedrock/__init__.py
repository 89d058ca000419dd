"""Amazon Bedrock's Converse, and what it puts round the streams of InvokeModel."""
