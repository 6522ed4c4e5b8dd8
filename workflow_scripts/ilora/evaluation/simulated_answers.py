"""Hits of simulated methods, whose true HitRatio@1 is known, with users who differ as real ones do.

A method hits on each of a user's candidate draws with a probability of that user's own, which follows a beta
distribution over users: the hits of a user are beta-binomial. Its correlation within users says how much of an
answer is the user's; SASRec on MovieLens-100K has 0.57. Methods agree on users: with a given probability, a
user has the same skill by two methods, otherwise independent ones.

The trainings of a method differ in two ways: each has a HitRatio@1 of its own, drawn from a beta distribution around
the method's, and users agree on trainings as they do on methods.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """Whom a method is evaluated on.

    Attributes:
        users: how many test users.
        draws: candidate sets of each.
        rate: the true HitRatio@1, between 0 and 1.
        correlation: of two answers of the same user, between 0 and 1.
    """

    users: int
    draws: int
    rate: float
    correlation: float


def simulate_hits(population: Population, simulations: int, generator: np.random.Generator) -> Values:
    """Return hits of one method, float64 [simulations, users], from 0 to `draws`."""
    skills = _skills(population, (simulations, population.users), generator)
    return _answers(population, skills, generator)


def simulate_methods(
    population: Population, simulations: int, methods: int, agreement: float, generator: np.random.Generator
) -> Values:
    """Return hits of equally good methods on the same users, float64 [methods, simulations, users], from 0 to `draws`.

    Args:
        population: whom they are evaluated on.
        simulations: how many times.
        methods: how many.
        agreement: probability that a user's skill by a method is the one that the user has by all of them.
        generator: of random numbers.
    """
    shared = _skills(population, (simulations, population.users), generator)
    hits = np.empty((methods, *shared.shape))
    for method in range(methods):
        hits[method] = _answers(population, _agreeing_skills(population, shared, agreement, generator), generator)
    return hits


def simulate_pair(
    population: Population, simulations: int, gain: float, agreement: float, generator: np.random.Generator
) -> Values:
    """Return hits of a better method and another one on the same users, float64 [2, simulations, users].

    The better one turns the share `gain` of the other's misses into hits, so that its true HitRatio@1 is
    rate + gain * (1 - rate). Other arguments as in `simulate_methods`.
    """
    shared = _skills(population, (simulations, population.users), generator)
    better, other = (_agreeing_skills(population, shared, agreement, generator) for _ in range(2))
    better += gain * (1.0 - better)
    return np.stack([_answers(population, skills, generator) for skills in (better, other)])


def simulate_trainings(
    population: Population,
    trainings: int,
    sd: float,
    methods: int,
    agreement: float,
    simulations: int,
    generator: np.random.Generator,
) -> Values:
    """Return hits of equally good methods, float64 [methods, trainings, simulations, users], from 0 to `draws`.

    Args:
        population: whom they are evaluated on; its rate is that of the mean over all trainings that there could be.
        trainings: how many of each method.
        sd: standard deviation over trainings of the HitRatio@1 on all users that there could be.
        methods: how many.
        agreement: probability that a user's skill by a training is the one that the user has by all of them, but for
            how good the training is.
        simulations: how many times.
        generator: of random numbers.
    """
    shared = _skills(population, (simulations, population.users), generator)
    hits = np.empty((methods, trainings, *shared.shape))
    for method, training in np.ndindex(methods, trainings):
        skills = _agreeing_skills(population, shared, agreement, generator)
        rates = _rates_of_trainings(population.rate, sd, simulations, generator)[:, None]
        better = 1.0 - (1.0 - skills) * (1.0 - rates) / (1.0 - population.rate)
        skills = np.where(rates > population.rate, better, skills * rates / population.rate)
        hits[method, training] = _answers(population, skills, generator)
    return hits


def _rates_of_trainings(rate: float, sd: float, simulations: int, generator: np.random.Generator) -> Values:
    if sd == 0.0:
        return np.full(simulations, rate)
    concentration = rate * (1.0 - rate) / sd**2 - 1.0
    return generator.beta(rate * concentration, (1.0 - rate) * concentration, size=simulations)


def _skills(population: Population, shape: int | tuple[int, ...], generator: np.random.Generator) -> Values:
    concentration = 1.0 / population.correlation - 1.0
    return generator.beta(population.rate * concentration, (1.0 - population.rate) * concentration, size=shape)


def _agreeing_skills(
    population: Population, shared: Values, agreement: float, generator: np.random.Generator
) -> Values:
    skills = shared.copy()
    own = generator.random(shared.shape) >= agreement
    skills[own] = _skills(population, int(own.sum()), generator)
    return skills


def _answers(population: Population, skills: Values, generator: np.random.Generator) -> Values:
    return generator.binomial(population.draws, skills).astype(np.float64)
