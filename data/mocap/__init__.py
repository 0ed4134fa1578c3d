"""Motion capture files become joints, and joints become training views."""
