"""What people read, in their language: sentences (a YAML file a language), numbers and times by CLDR."""
