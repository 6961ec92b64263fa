// The page of `ethreed report`: what is in it, by the block of data that it shows. tests/tools/report_in_browser.sh
// opens one in a browser.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// ETHREED, HRED, which has neither emotions nor a pointer, and a classifier, which writes nothing.
void train_three_runs(const TinyProject& project) {
  project.prepare();
  project.must(project.training("tracker"));
  project.file("hred.json", R"({"model": {"encoder": 8, "context_state": 8, "decoder_state": 8}})");
  const auto train = [&](const char* run, const char* model, std::vector<std::string> more) {
    std::vector<std::string> arguments{"train",    "--data", "data",    "--out", run,       "--model",     model,
                                       "--epochs", "1",      "--batch", "8",     "--quiet", "--log-every", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    project.must(arguments);
  };
  train("plain", "hred", {"--config", "hred.json"});
  train("bags", "linear_classifier", {});
}

std::string data_block(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="data">)";
  const std::size_t at = page.find(begin);
  REQUIRE(at != std::string::npos);
  const std::size_t first = at + begin.size();
  return page.substr(first, page.find("</script>", first) - first);
}

const Json& missing_of(const Json& run) { return run.at("missing"); }

bool lacks(const Json& run, const std::string& section) {
  const Json& missing = missing_of(run);
  return std::any_of(missing.begin(), missing.end(), [&](const Json& one) { return one.at("section") == section; });
}

std::int64_t sum_of(const Json& counts) {
  std::int64_t sum = 0;
  for (const Json& one : counts) sum += one.is_array() ? sum_of(one) : one.get<std::int64_t>();
  return sum;
}

}  // namespace

TEST_CASE(
    "report writes one page with every section, and the figures that evaluate prints, of runs of several models") {
  const TinyProject project;
  train_three_runs(project);
  const std::vector<std::string> arguments{"report", "tracker",   "plain",       "bags",
                                           "--out",  "page.html", "--dialogues", "2"};
  CHECK_THAT(project.must(arguments), Contains("page.html: 3 runs, 2 dialogues"));
  const std::string page = project.content("page.html");
  for (const char* id :
       {"winner", "runs", "figures", "curves", "emotions", "calibration", "policy", "copying", "lengths", "cases"})
    CHECK_THAT(page, Contains(fmt::format("<section id=\"{}\">", id)));
  for (const char* fetched : {" src=", "<link", "@import", "url(", "{{"})
    CHECK(page.find(fetched) == std::string::npos);
  CHECK_THAT(page, Contains("Chart.js v3") && Contains("MIT License"));

  const Json data = Json::parse(data_block(page));
  REQUIRE(data.at("runs").size() == 3);
  const Json &tracker = data.at("runs").at(0), &plain = data.at("runs").at(1), &bags = data.at("runs").at(2);
  Json printed = Json::parse(project.must({"evaluate", "tracker", "--json"}));
  Json shown = tracker.at("figures");
  for (Json* figures : {&printed, &shown}) figures->erase("seconds");
  CHECK(shown == printed);

  CHECK(tracker.at("better") ==
        Json({{"speaker_accuracy", 1}, {"listener_accuracy", 1}, {"perplexity_token", -1}, {"perplexity_macro", -1}}));
  CHECK(bags.at("better").at("accuracy") == 1);

  REQUIRE(tracker.at("judged").size() == 2);
  for (const Json& judged : tracker.at("judged")) {
    CHECK(judged.at("count") == 12);  // every turn has both labels
    CHECK(sum_of(judged.at("counts")) == 12);
    std::int64_t in_bins = 0;
    for (const Json& bin : judged.at("bins")) in_bins += bin.at("count").get<std::int64_t>();
    CHECK(in_bins == 12);
  }
  CHECK(tracker.at("judged").at(0).at("accuracy").get<double>() ==
        Approx(printed.at("speaker_accuracy").get<double>()).margin(1e-6));
  CHECK(tracker.at("judged").at(1).at("accuracy").get<double>() ==
        Approx(printed.at("listener_accuracy").get<double>()).margin(1e-6));
  REQUIRE(tracker.at("plans").size() == 1);
  CHECK(tracker.at("plans").at(0).at("counts").size() == 32);
  CHECK(sum_of(tracker.at("plans").at(0).at("counts")) == 12);
  CHECK(sum_of(tracker.at("lengths").at("replies").at("counts")) == 12);
  CHECK(sum_of(tracker.at("lengths").at("gold").at("counts")) == 12);
  CHECK(sum_of(tracker.at("gates").at("counts")) >= tracker.at("gates").at("words").get<std::int64_t>());
  CHECK(tracker.at("log").at("epoch").at("epoch") == Json({1, 2}));
  CHECK(tracker.at("log").at("step").at("loss_total").size() == 6);
  CHECK(missing_of(tracker).empty());

  for (const char* section : {"emotions", "calibration", "policy", "copying"}) CHECK(lacks(plain, section));
  CHECK_FALSE(lacks(plain, "lengths"));
  for (const char* section : {"policy", "copying", "lengths", "cases"}) CHECK(lacks(bags, section));
  CHECK(bags.at("judged").size() == 1);

  REQUIRE(data.at("cases").size() == 2);
  for (const Json& one : data.at("cases")) {
    const std::size_t turns = one.at("turns").size();
    CHECK(one.at("runs").at(0).at("turns").size() == turns);
    CHECK(one.at("runs").at(0).at("tracked").size() == turns);
    CHECK(one.at("runs").at(1).at("turns").size() == turns);
    CHECK_FALSE(one.at("runs").at(1).contains("tracked"));
    CHECK_FALSE(one.at("runs").at(2).contains("turns"));
    for (const Json& turn : one.at("runs").at(0).at("turns"))
      for (const Json& step : turn.at("attention").at("steps"))
        CHECK(step.at("attention").size() == turn.at("attention").at("source").size());
  }
  project.must(arguments);
  Json again = Json::parse(data_block(project.content("page.html")));
  Json before = data;
  for (Json* one : {&again, &before})
    for (Json& run : one->at("runs")) run.at("figures").erase("seconds");
  CHECK(again == before);
}

TEST_CASE("the dialogues of a report are those that are named, and no text can end the block of data") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string generated = project.must({"generate", "run", "--format", "jsonl", "--limit", "2"});
  const Json first = Json::parse(lines_of(generated).front());
  const std::string name = first.at("conversation");
  project.must({"report", "run", "--out", "page.html", "--cases", name, "--limit", "2", "--title",
                "</script><script>alert(1)</script>"});
  const std::string page = project.content("page.html");
  CHECK(page.find("alert(1)</script>") == std::string::npos);
  const Json data = Json::parse(data_block(page));
  CHECK(data.at("title") == "</script><script>alert(1)</script>");
  REQUIRE(data.at("cases").size() == 1);
  CHECK(data.at("cases").at(0).at("conversation") == name);
  CHECK(data.at("cases").at(0).at("turns").at(0).at("gold") == first.at("gold"));
  CHECK(data.at("cases").at(0).at("runs").at(0).at("turns").at(0).at("reply") == first.at("reply"));
}

TEST_CASE(
    "report --latents has replies by sample, mean and another's plan side by side, and differences with intervals") {
  const TinyProject project;
  train_three_runs(project);
  project.must({"report", "tracker", "plain", "bags", "--out", "page.html", "--dialogues", "3", "--quiet", "--latents",
                "sample,mean,shuffled", "--classifier", "bags"});
  const Json data = Json::parse(data_block(project.content("page.html")));
  const Json &tracker = data.at("runs").at(0), &latents = tracker.at("latents");
  CHECK(latents.at("modes") == Json({"sample", "mean", "shuffled"}));
  CHECK(latents.at("absent").empty());
  const auto find = [&](const std::string& name) {
    for (const Json& one : latents.at("figures"))
      if (one.at("name") == name) return one;
    FAIL("no figure " << name);
    return Json();
  };
  // Each is what evaluate prints in that mode, and the differences are from the first.
  for (std::size_t m = 0; m < 3; ++m) {
    const std::string mode = latents.at("modes").at(m);
    const Json printed = Json::parse(project.must({"evaluate", "tracker", "--json", "--latent", mode}));
    for (const char* name : {"perplexity_token", "perplexity_macro", "speaker_accuracy", "distinct_1", "distinct_2"}) {
      INFO(mode << " " << name);
      const Json figure = find(name);
      CHECK(figure.at("values").at(m).at("value").get<double>() == Approx(printed.at(name).get<double>()));
      if (m == 0) {
        CHECK(figure.at("differences").at(0).is_null());
        CHECK(tracker.at("figures").at(name) == printed.at(name));
        continue;
      }
      const Json& difference = figure.at("differences").at(m);
      CHECK(difference.at("value").get<double>() ==
            Approx(printed.at(name).get<double>() - tracker.at("figures").at(name).get<double>()).margin(1e-9));
      CHECK(difference.at("low").get<double>() <= difference.at("high").get<double>());
    }
  }
  CHECK(find("speaker_accuracy").at("differences").at(2).at("high") == 0);  // the speaker is read as before
  CHECK(find("same_reply").at("values").at(0).at("value") == 1);
  for (const char* name : {"reply_emotion_acc", "reply_emotion_policy", "emotion_jsd"})
    CHECK(find(name).at("values").at(2).at("value").is_number());
  // The case study: the reply of each mode is that of generate.
  for (std::size_t m = 1; m < 3; ++m) {
    const std::string mode = latents.at("modes").at(m);
    std::map<std::string, std::string> wanted;
    for (const std::string& line :
         lines_of(project.must({"generate", "tracker", "--format", "jsonl", "--latent", mode}))) {
      const Json record = Json::parse(line);
      wanted[fmt::format("{} {}", record.at("conversation").get<std::string>(), record.at("turn").get<int>())] =
          record.at("reply");
    }
    for (const Json& one : data.at("cases"))
      for (std::size_t t = 0; t < one.at("turns").size(); ++t) {
        const Json& other = one.at("runs").at(0).at("turns").at(t).at("latents").at(m - 1);
        CHECK(other.at("latent") == mode);
        CHECK(other.at("reply") == wanted.at(fmt::format("{} {}", one.at("conversation").get<std::string>(), t + 1)));
        CHECK(other.at("insights").size() == one.at("runs").at(0).at("turns").at(t).at("insights").size());
      }
  }
  // What a model lacks is said.
  for (const std::size_t r : {1u, 2u}) {
    CHECK(data.at("runs").at(r).at("latents").is_null());
    CHECK(lacks(data.at("runs").at(r), "latents"));
  }
  check_refusal(project, {"report", "tracker", "--out", "page.html", "--latents", "mean"}, {"--latents mean", "two"});
  check_refusal(project, {"report", "tracker", "--out", "page.html", "--latents", "mean,mean"}, {"twice"});
}

TEST_CASE("report refuses what it cannot show before anything is written") {
  const TinyProject project;
  project.prepare_and_train();
  check_refusal(project, {"report", "run", "--out", "page.html", "--cases", "nobody", "--quiet"},
                {"--cases nobody", "valid"});
  check_refusal(project, {"report", "run", "run", "--out", "page.html"}, {"given twice"});
  check_refusal(project, {"report", "run", "--out", "data"}, {"data", "folder"});
  project.file("run/log.csv", "no log\n");
  check_refusal(project, {"report", "run", "--out", "page.html", "--quiet"}, {"log.csv", "no log of a run"});
}

TEST_CASE("train --tensorboard writes event files beside the run, a new one when it goes on, or where it is told to") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("run", {"--tensorboard", "--epochs", "1"}));
  const auto events = [&](const char* folder) {
    std::vector<std::string> files;
    for (const auto& [name, content] : snapshot_of(project / folder)) {
      CHECK_THAT(name, Contains("tfevents"));
      files.push_back(content);
    }
    return files;
  };
  REQUIRE(events("run/tensorboard").size() == 1);
  for (const char* tag :
       {"train/loss_total", "train/learning_rate", "valid/speaker_accuracy", "valid/perplexity_token"})
    CHECK_THAT(events("run/tensorboard").front(), Contains(tag));
  const std::string before = events("run/tensorboard").front();
  project.must(project.training("run", {"--resume", "--tensorboard", "--epochs", "2"}));
  REQUIRE(events("run/tensorboard").size() == 2);
  CHECK(events("run/tensorboard").front() == before);
  project.must(project.training("other", {"--tensorboard", "events/other"}));
  CHECK(events("events/other").size() == 1);
  project.file("taken", "");
  const Outcome outcome = project.ethreed(project.training("third", {"--tensorboard", "taken"}));
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("taken") && Contains("choose another --tensorboard"));
}
