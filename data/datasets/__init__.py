"""Human3.6M and HumanEva: their published files, cameras, takes and windows."""
