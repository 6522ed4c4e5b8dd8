"""The Hugging Face hub: fetching a backbone, publishing an adapter and finding the inputs it was tuned with."""
