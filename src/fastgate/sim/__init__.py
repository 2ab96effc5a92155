"""The simulated provider: OpenAI's wire format with canned answers, chosen latency and chosen failures."""
