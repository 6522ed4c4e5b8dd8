"""Where a study departs from the paper (arXiv 2408.10159), and what each departure changes.

"The paper" is its text and, where the text leaves something open, the code and split files released with it. The
statements about these come from reading and rebuilding them; the numbers about MovieLens and LastFM can be recomputed
from the raw files and the released users. A study's settings determine which deviations it has. All are declared here
by topic, except those of a single data set, which its own module declares (`ilora.datasets`).
"""
