"""Do the documents say what there is?"""
