# RecBole without its declared dependencies: Ray 2.6.3 and others, which its models do not import and Python 3.13 does not support.
python -m pip install --no-deps --no-input recbole==1.2.1
