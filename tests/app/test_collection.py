"""Saved networks: small records that come back whole, also when parameters were added or the disk refuses."""

import json
from datetime import date
from pathlib import Path

import pytest

from lib import settings
from lib.app import jobs, requests
from lib.app.collection import Collection, CollectionError, completed, training_of
from lib.results.files import FileError

VALUES = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27))


@pytest.fixture(scope="module")
def made(naive_result):
    """Request, prices, training, result."""
    request, chosen = requests.check(VALUES)
    prices, training = jobs.described(request, chosen)
    return request, prices, training, naive_result(training)


def test_networks_come_back_whole_and_newest_first(tmp_path, made):
    collection = Collection(tmp_path)
    first = collection.save(*made)
    found = Collection(tmp_path).find(first.identity)
    assert found.title.startswith("BTC-USD, CNN, trained 20") and found == first
    assert found.record["key"] == made[2].key and len(found.record["scores"]) == 6
    again = training_of(found, collection.prices(found))
    assert again.key == made[2].key, "the same training, so the same network"
    second = collection.save(*made)
    assert set(collection.identities()) == {first.identity, second.identity}
    assert collection.identities() == sorted(collection.identities(), key=lambda n: n.rpartition("_")[2], reverse=True)
    for outside in ("../x", "", "BTC-USD_CNN_1"):
        with pytest.raises(CollectionError, match="no saved network"):
            collection.find(outside)


def test_a_damaged_record_is_left_out_and_explained(tmp_path, made):
    collection = Collection(tmp_path)
    first, second = (collection.save(*made).identity for _ in range(2))
    (tmp_path / second / "network.json").write_text("{", encoding="utf-8")
    assert [entry.identity for entry in collection.entries()] == [first]
    with pytest.raises(CollectionError, match="cannot be read"):
        collection.find(second)
    (tmp_path / first / "BTC-USD.csv").unlink()
    with pytest.raises(CollectionError, match="BTC-USD.csv"):
        collection.prices(collection.find(first))


@pytest.mark.parametrize("name", ["network.json", "BTC-USD.csv"])
def test_a_saved_network_that_was_cut_or_has_a_flipped_bit_is_whole_or_refused(tmp_path, made, name):
    """Red before: a flipped bit in a hyperparameter or in a price gave another network without a word."""
    identity = Collection(tmp_path).save(*made).identity
    path, raw = tmp_path / identity / name, (tmp_path / identity / name).read_bytes()

    def read():
        entry = Collection(tmp_path).find(identity)
        return training_of(entry, Collection(tmp_path).prices(entry)).key

    whole = read()
    for at in range(0, len(raw), len(raw) // 12):
        for damaged in (raw[:at], raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(CollectionError, match=f"{identity} cannot be read"):
                read()
    path.write_bytes(raw)
    assert read() == whole


def test_a_record_of_other_parameters_can_still_be_used(tmp_path, made):
    """Red before: a parameter that was added later made every older network useless."""
    collection = Collection(tmp_path)
    identity = collection.save(*made).identity
    file = tmp_path / identity / "network.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    del record["parameters"]["clip_norm"], record["parameters"]["control_runs"], record["key"]
    del record["seal"], record["prices_sha256"]
    record["parameters"]["of_an_earlier_version"] = 7
    file.write_text(json.dumps(record), encoding="utf-8")
    entry = Collection(tmp_path).find(identity)
    assert training_of(entry, collection.prices(entry)).key == made[2].key
    chosen = completed(record["parameters"], identity)
    assert chosen.control_runs == settings.sample().control_runs and chosen.lookback == VALUES["lookback"]


def test_a_list_of_titles_reads_each_record_once_and_no_prices(tmp_path, made, monkeypatch):
    """Red before: each refresh read the prices and forecasts of every network."""
    for _ in range(3):
        Collection(tmp_path).save(*made)
    read, real = [], Path.read_text

    def counted(path, *args, **kwargs):
        read.append(path.name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counted)
    monkeypatch.setattr("pandas.read_csv", lambda *a, **k: pytest.fail("prices were read"))
    collection = Collection(tmp_path)
    titles = [[entry.title for entry in collection.entries()] for _ in range(3)]
    assert read == ["network.json"] * 3 and len(titles[0]) == 3


def test_a_disk_that_refuses_leaves_no_half_network(tmp_path, made, monkeypatch):
    collection = Collection(tmp_path)
    first = collection.save(*made).identity

    def full(path, frame):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lib.data.market.files.csv_prices.write", full)
    with pytest.raises(FileError, match="No space left"):
        collection.save(*made)
    assert [p.name for p in tmp_path.iterdir()] == [first]


def test_the_sample_s_parameters_are_read_once_and_not_at_every_keystroke(monkeypatch):
    """Red before: every keystroke read params/sample.yaml."""
    requests.check(VALUES)
    monkeypatch.setattr("lib.settings.loading.stated", lambda path: pytest.fail("the file was read again"))
    for epochs in (1, 2, 3):
        requests.check({**VALUES, "epochs": epochs})
