"""SWML as it stands in other platforms' documents, in the words of ours."""
