// placeholder TU until model sources exist
