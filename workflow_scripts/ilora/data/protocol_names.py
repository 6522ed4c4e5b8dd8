"""What the protocols of `ilora.data.protocols` are called, for those who only name one."""

#: Users split at random, 8:1:1.
RANDOM_USERS = "random_users"
#: The users of each split are those of the released files.
RELEASED = "released"
#: The last items of every user, in time order.
CHRONOLOGICAL = "chronological"
