//! What somebody finds in their mailbox: the letters of development, as `/dev/mail` shows them.

use super::Provider;
use scraper::{Html, Selector};

#[derive(Debug, Clone)]
pub struct Found {
    pub subject: String,
    pub text: String,
    pub link: Option<String>,
}

impl Provider {
    /// The letters to an address, the latest first.
    pub async fn letters(&self, to: &str) -> Vec<Found> {
        let html = self.stranger().get(self.url("/dev/mail")).send().await.unwrap().text().await.unwrap();
        let page = Html::parse_document(&html);
        let select = |text: &str| Selector::parse(text).unwrap();
        let mut found = Vec::new();
        for article in page.select(&select("article")) {
            let text = |part: &str| article.select(&select(part)).flat_map(|one| one.text()).collect::<String>();
            if text(".to") == to {
                let link = article.select(&select("pre a")).next().and_then(|link| link.value().attr("href"));
                found.push(Found { subject: text("h2"), text: text("pre"), link: link.map(str::to_owned) });
            }
        }
        found
    }

    /// The link in the latest letter to an address.
    pub async fn mailed_link(&self, to: &str) -> String {
        let letters = self.letters(to).await;
        letters
            .first()
            .and_then(|letter| letter.link.clone())
            .unwrap_or_else(|| panic!("no link for {to}: {letters:?}"))
    }

    /// The token of the latest link in a letter to an address.
    pub async fn mailed_token(&self, to: &str) -> String {
        let letters = self.letters(to).await;
        let link = letters.iter().find_map(|letter| letter.link.clone()).unwrap_or_else(|| panic!("no link for {to}"));
        link.split_once("?token=").unwrap().1.to_owned()
    }

    /// What the whole trail says, the latest first.
    pub async fn actions(&self) -> Vec<String> {
        let mut conn = self.database.superuser().await;
        sqlx::query_scalar("select action from event order by created_at desc, id desc")
            .fetch_all(&mut conn)
            .await
            .unwrap()
    }
}
