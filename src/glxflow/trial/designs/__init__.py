"""What differs between the designs of a trial: tables, question, responses, randomisation."""
