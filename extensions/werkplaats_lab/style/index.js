import './notice.css';
