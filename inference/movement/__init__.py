"""What people's movements measure: angles, speeds and gait, as values, tables and figures."""
