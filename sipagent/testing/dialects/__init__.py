"""The protocols a scripted model server speaks, one file each."""
