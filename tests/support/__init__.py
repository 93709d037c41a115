"""What tests share: a fake encoder, drawn pictures, small models, a hub that is not there."""
