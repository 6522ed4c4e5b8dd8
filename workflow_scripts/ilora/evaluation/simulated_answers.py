"""Simulated hits of methods with a known true HitRatio@1, with realistic variation between users.

Each user has a hit probability (skill), drawn from a beta distribution, that applies to all candidate draws of the
user: the hits of a user are beta-binomial. The distribution is parametrised by the correlation of two answers of a
user, which is 0.57 for SASRec on MovieLens-100K. With probability `agreement`, a user has the same skill under all
methods, otherwise an independent one.

Trainings of a method differ in two ways: each has its own HitRatio@1, drawn from a beta distribution around that of the
method, and the skills of users agree between trainings as they do between methods.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The test users of a simulated evaluation.

    Attributes:
        users: number of test users.
        draws: number of candidate sets per user.
        rate: true HitRatio@1, between 0 and 1.
        correlation: correlation of two answers of the same user, between 0 and 1.
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
        population: the test users.
        simulations: number of simulations.
        methods: number of methods.
        agreement: probability that a user's skill under a method is the one shared by all methods.
        generator: random number generator.
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

    The better method turns a share `gain` of the other's misses into hits, so its true HitRatio@1 is
    rate + gain * (1 - rate). For the other arguments see `simulate_methods`.
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
        population: the test users; their rate is the expectation over trainings.
        trainings: number of trainings of each method.
        sd: standard deviation over trainings of the true HitRatio@1.
        methods: number of methods.
        agreement: probability that a user's skill under a training is the one shared by all trainings, before it is
            scaled to the HitRatio@1 of the training.
        simulations: number of simulations.
        generator: random number generator.
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
