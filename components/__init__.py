"""Components: values in, FT out; they know no stream and no hub."""
