//! The models as a library: what is known of data that was made so, whatever the number of threads, and against NumPy.

use recommender::evaluation::evaluate;
use recommender::evaluation::split::{Split, SplitKind};
use recommender::model::fit::Quiet;
use recommender::model::random::Random;
use recommender::model::{Algorithm, Matrix, Parameters};
use recommender::ratings::{Duplicates, Gathering, Liking, Ratings};

const LIKING: Liking = Liking { least: None, confidence: 0.0, largest: 1.0 };

/// Users and items with hidden vectors of a few dimensions; a user has the items nearest to them, but for chance.
fn low_rank(users: usize, items: usize, rank: usize, each: usize) -> (Ratings, Vec<Vec<f64>>) {
    let mut random = Random::new(11);
    let mut vectors =
        |count: usize| -> Vec<Vec<f64>> { (0..count).map(|_| (0..rank).map(|_| random.normal()).collect()).collect() };
    let (of_users, of_items) = (vectors(users), vectors(items));
    let mut random = Random::new(12);
    let mut gathering = Gathering::new(Duplicates::Last);
    let mut truth = Vec::with_capacity(users);
    for (user, x) in of_users.iter().enumerate() {
        let scores: Vec<f64> = of_items.iter().map(|y| x.iter().zip(y).map(|(x, y)| x * y).sum()).collect();
        let mut order: Vec<usize> = (0..items).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        // Half of the best twice as many.
        let mut best = order[..each * 2].to_vec();
        random.shuffle(&mut best);
        for (at, item) in best.iter().take(each).enumerate() {
            gathering.add(&format!("{user:05}"), &format!("{item:05}"), 1.0, at as i64, 0);
        }
        truth.push(scores);
    }
    (gathering.finish(), truth)
}

#[test]
fn a_known_low_rank_is_recovered() {
    let (ratings, truth) = low_rank(400, 150, 5, 15);
    let matrix = ratings.matrix(&LIKING);
    for algorithm in [Algorithm::Als, Algorithm::Bpr] {
        let parameters = Parameters { factors: 8, ..Parameters::of(algorithm) };
        let (users, items) = match algorithm {
            Algorithm::Als => parameters.als().train(&matrix, None, &Quiet).unwrap(),
            _ => parameters.bpr().train(&matrix, None, &Quiet).unwrap(),
        };
        // Of the hidden best thirty, how many are among the best thirty that the model gives? By chance a fifth.
        let mut found = 0;
        for (user, hidden) in truth.iter().enumerate() {
            let score = |item: usize| -> f64 {
                users.row(user).iter().zip(items.row(item)).map(|(x, y)| f64::from(x * y)).sum()
            };
            let best = |score: &dyn Fn(usize) -> f64| {
                let mut order: Vec<usize> = (0..items.rows()).collect();
                order.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
                order.truncate(30);
                order
            };
            let number = |item: usize| ratings.items[item].parse::<usize>().unwrap();
            let mine = best(&score);
            let theirs = best(&|item| hidden[number(item)]);
            found += mine.iter().filter(|item| theirs.contains(item)).count();
        }
        let share = found as f64 / (30 * truth.len()) as f64;
        assert!(share > 0.75, "{}: {share}", algorithm.name());
    }
}

#[test]
fn every_algorithm_is_better_than_one_list_for_all() {
    let (ratings, _) = low_rank(300, 120, 4, 14);
    let split = Split::new(&ratings, SplitKind::Last, None, &LIKING, 1).unwrap();
    let of = |algorithm| {
        let scored =
            evaluate(&split, &LIKING, &Parameters { factors: 8, ..Parameters::of(algorithm) }, None, &Quiet).unwrap();
        scored.metrics["ndcg@10"].value
    };
    let popularity = of(Algorithm::Popularity);
    for algorithm in [Algorithm::Als, Algorithm::Bpr, Algorithm::Ease, Algorithm::ItemKnn] {
        assert!(of(algorithm) > 1.5 * popularity, "{}: {} {popularity}", algorithm.name(), of(algorithm));
    }
}

#[test]
fn an_evaluation_is_the_same_on_one_thread_and_on_three() {
    let (ratings, _) = low_rank(120, 60, 3, 8);
    let split = Split::new(&ratings, SplitKind::Random { share: 0.25 }, None, &LIKING, 3).unwrap();
    let on = |threads, algorithm| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let parameters = Parameters { factors: 6, epochs: 3, ..Parameters::of(algorithm) };
        pool.install(|| evaluate(&split, &LIKING, &parameters, None, &Quiet).unwrap().metrics)
    };
    for algorithm in Algorithm::ALL {
        assert_eq!(on(1, algorithm), on(3, algorithm), "{}", algorithm.name());
    }
}

/// What NumPy gives for one exact half-step of these four users, with three items of two factors (`numpy.linalg.solve` of
/// `YᵀWY + α₀YᵀY + λ(Σw + α₀n)I`, α₀ = 0.25, λ = 0.1, ν = 1, in 64 bits).
#[test]
fn a_half_step_is_what_numpy_gives() {
    use recommender::model::Factors;
    use recommender::model::als::Half;
    use recommender::model::linear::gram;

    let items = Factors::new(2, vec![0.5, -1.0, 2.0, 0.25, -0.75, 1.5]);
    let matrix =
        Matrix::new(4, 3, [(0, 0, 1.0), (1, 0, 1.0), (1, 1, 2.0), (2, 0, 1.0), (2, 1, 1.0), (2, 2, 3.0), (3, 2, 0.5)]);
    let als = Parameters { factors: 2, regularization: 0.1, unobserved: 0.25, ..Parameters::of(Algorithm::Als) }.als();
    let half = Half::new(als, &items, gram(&items), 3);
    for (user, expected) in NUMPY.iter().enumerate() {
        let found = half.solve(matrix.row(user)).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "user {user}: {found} {expected}");
        }
    }
}

const NUMPY: [[f64; 2]; 4] = [
    [0.08310586051034957, -0.4668073866964315],
    [0.46361935311414065, -0.2583266506281743],
    [0.27737987047419554, 0.5169665813681956],
    [-0.055643141982750624, 0.3383103032551238],
];
