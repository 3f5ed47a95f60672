//! What Spaces says, in XML: <https://docs.aws.amazon.com/AmazonS3/latest/API/>. Pure.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A page of ListObjectsV2; the first one has the 1000 that come first by name.
#[derive(Debug, Deserialize)]
pub struct Objects {
    #[serde(rename = "Contents", default)]
    pub objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Object {
    pub key: String,
    pub last_modified: String,
}

/// A page of ListMultipartUploads.
#[derive(Debug, Deserialize)]
pub struct Uploads {
    #[serde(rename = "Upload", default)]
    pub uploads: Vec<Begun>,
}

/// An upload in parts that was neither completed nor given up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Begun {
    pub key: String,
    pub upload_id: String,
    pub initiated: String,
}

/// The answer of CreateMultipartUpload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    pub upload_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Error {
    code: String,
    #[serde(default)]
    message: String,
}

/// Reads an answer; the error says what is wrong with it.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    quick_xml::de::from_str(text.trim()).map_err(|error| error.to_string())
}

/// The code and the words of an error, `NoSuchBucket: ...`; `None` where the answer is none. A status of 200 can come with an error.
pub fn error(text: &str) -> Option<(String, String)> {
    let Error { code, message } = read(text).ok()?;
    let words = match message.is_empty() {
        true => code.clone(),
        false => format!("{code}: {message}"),
    };
    Some((code, words))
}

#[derive(Serialize)]
struct CompleteMultipartUpload<'a> {
    #[serde(rename = "Part")]
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "PartNumber")]
    number: usize,
    #[serde(rename = "ETag")]
    etag: &'a str,
}

/// The body of CompleteMultipartUpload: the entity tags of all parts, in their order.
pub fn complete(etags: &[String]) -> Result<String, String> {
    let parts = etags.iter().enumerate();
    let parts = parts.map(|(index, etag)| Part { number: index + 1, etag }).collect();
    quick_xml::se::to_string(&CompleteMultipartUpload { parts }).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: &str = r#"xmlns="http://s3.amazonaws.com/doc/2006-03-01/""#;

    #[test]
    fn lists_are_read() {
        let none = format!(r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult {NAMESPACE}><Name>b</Name></ListBucketResult>"#);
        assert!(read::<Objects>(&none).unwrap().objects.is_empty());
        let two = format!(
            "<ListBucketResult {NAMESPACE}><IsTruncated>false</IsTruncated>\
             <Contents><Key>a&amp;b</Key><LastModified>2026-11-01T12:00:00.000Z</LastModified><ETag>&quot;0f&quot;</ETag><Size>1</Size></Contents>\
             <Contents><Key>c</Key><LastModified>2026-11-01T12:00:01.000Z</LastModified></Contents></ListBucketResult>"
        );
        let keys: Vec<String> = read::<Objects>(&two)
            .unwrap()
            .objects
            .into_iter()
            .map(|object| object.key)
            .collect();
        assert_eq!(keys, ["a&b", "c"]);
        let uploads = format!(
            "<ListMultipartUploadsResult {NAMESPACE}><Upload><Key>a</Key><UploadId>2~x</UploadId><Initiated>2026-11-01T12:00:00.000Z\
             </Initiated></Upload></ListMultipartUploadsResult>"
        );
        assert_eq!(read::<Uploads>(&uploads).unwrap().uploads[0].upload_id, "2~x");
    }

    #[test]
    fn errors_are_told_from_answers() {
        let text = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><BucketName>b</BucketName><RequestId>tx0</RequestId></Error>";
        assert_eq!(error(text), Some(("NoSuchBucket".to_owned(), "NoSuchBucket".to_owned())));
        let text = "\n <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        assert_eq!(error(text).unwrap().1, "SlowDown: Please reduce your request rate.");
        assert_eq!(
            error("<CompleteMultipartUploadResult><ETag>\"0f-2\"</ETag></CompleteMultipartUploadResult>"),
            None
        );
        assert_eq!((error(""), error("<html>502</html>")), (None, None));
    }

    #[test]
    fn parts_are_numbered_from_1() {
        assert_eq!(
            complete(&["\"0f\"".to_owned(), "a".to_owned()]).unwrap(),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"0f\"</ETag></Part>\
             <Part><PartNumber>2</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>"
        );
    }
}
