"""Where a study departs from the paper (arXiv 2408.10159), and what each departure changes.

"The paper" is its text, and where the text leaves something open, the code and the split files released with it. What
is said of these was found by reading and rebuilding them; the numbers about MovieLens and LastFM can be computed again
from the raw files and the released users. A deviation belongs to a study if the study's settings say so. All of them
are declared here, by topic, but for those of one data set, which its own module declares (`ilora.datasets`).
"""
