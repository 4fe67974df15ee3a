"""`keydesk support-bundle`: one archive that tells a stranger what is wrong with a machine, and nothing that is nobody's business."""
