"""Run exported models with OpenVINO, in any precision; each tower compiles on first use."""
