import pytest


@pytest.fixture(scope="session")
def pool(tensorflow_on_one_thread):
    from distributed import Client, LocalCluster

    from lib.experiments import pool

    cluster = LocalCluster(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)
    pool._cluster, pool._client = cluster, Client(cluster)
    yield
    pool.close()
