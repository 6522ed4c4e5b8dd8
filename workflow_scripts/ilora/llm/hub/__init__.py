"""The Hugging Face hub: fetching a backbone, publishing an adapter and finding what it was made from."""
