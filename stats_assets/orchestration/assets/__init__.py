"""The data assets, one module a group. Each reads like the sentence that describes it and calls plain functions."""
